create table t(a int);
copy t (a) from stdin with (format csv);
1
\.
