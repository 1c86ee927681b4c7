SELECT a FROM t; ; SELECT b c d
