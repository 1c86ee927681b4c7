SELECT timestamp, offset, partition, key, value FROM kafka ORDER BY partition, offset
