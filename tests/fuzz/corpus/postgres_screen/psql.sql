\set x 1
select :x;
\i other.sql
