SELECT * FROM STREAM(read_kafka(subscribe => 'a')) AS k
