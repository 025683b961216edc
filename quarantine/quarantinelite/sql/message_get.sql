SELECT failures, crashes, attempts, held FROM message WHERE identity = ?1
