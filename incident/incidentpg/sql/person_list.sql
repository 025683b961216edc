SELECT document FROM theriac.person ORDER BY id
