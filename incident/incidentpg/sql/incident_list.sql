SELECT i.number, i.version, i.seq, i.listing AS document FROM theriac.incident i
WHERE true/*filter*/
ORDER BY i.number DESC LIMIT $1
