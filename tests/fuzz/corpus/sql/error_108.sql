SET a = b c
