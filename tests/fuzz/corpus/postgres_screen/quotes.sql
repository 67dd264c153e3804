select E'a\'b'
'c\'d', U&'x', $$a;b$$, $t$c$$d$t$, "a""b;", 'it''s;', $1; select a$b$c from x;