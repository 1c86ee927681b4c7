SELECT foo 'x'
