SELECT seq, fingerprint FROM theriac.entry_group WHERE fingerprint = ANY ($1::text[])
