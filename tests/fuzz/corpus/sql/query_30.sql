SELECT * FROM STREAM read_kafka(bootstrapServers => 'x', subscribe => 'orders')
