select 1;
.read other.sql
