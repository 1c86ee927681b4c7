SET a = http://x:9092,y -- c
