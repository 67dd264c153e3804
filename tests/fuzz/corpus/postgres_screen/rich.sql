create table rich (id int, t text);
create function rich_touch() returns trigger language plpgsql as $body$
begin
  new.t := 'touched; ' || $q$it's$q$; return new;
end;
$body$;
create trigger rich_t before insert on rich for each row execute function rich_touch();
create function rich_two() returns int begin atomic select 1; select case when true then 2 end; end;
do $$ begin perform 1; raise notice 'hello %', 'there'; raise warning 'careful'; end $$;
create rule rich_r as on update to rich do also (select 1; select 2);
insert into rich values (rich_two(), E'a\';b');
select $tag$ commit; $tag$, "t" from rich; -- done; really
comment on table rich is 'a;b' /* ; /* nested; */ ; */