SET a.b.c = 10 seconds;
