SELECT doc FROM person ORDER BY id
