SELECT /*+ BROADCAST(t) */ a -- comment
