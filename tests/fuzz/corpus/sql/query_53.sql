SET a.b = 'x;y'; SET `k k`=it's;SET a.b; SET; SET x =; SET TIME ZONE 'UTC'
