SELECT value FROM sequence WHERE name = 'change'
