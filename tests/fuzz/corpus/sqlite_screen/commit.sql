select 1;
-- c
commit;