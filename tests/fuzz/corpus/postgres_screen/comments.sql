/* a /* nested */ ; */ select 1 /* x */; -- y ;
;;select 2