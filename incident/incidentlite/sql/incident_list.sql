SELECT i.number, i.version, i.seq, i.brief AS doc FROM incident i WHERE true /*filter*/ ORDER BY i.number DESC LIMIT ?1
