package config

import "path/filepath"

// StoreFile is the embedded store in a data directory.
func StoreFile(dataDir string) string { return filepath.Join(dataDir, "quarantine.db") }

// BrokerDir is the embedded broker's directory in a data directory.
func BrokerDir(dataDir string) string { return filepath.Join(dataDir, "broker") }

// SpoolDir is where the workers of a data directory keep their spools, one folder each.
func SpoolDir(dataDir string) string { return filepath.Join(dataDir, "spool") }

// GuardianDir is the state directory of a guardian whose service keeps it in the data directory.
func GuardianDir(dataDir string) string { return filepath.Join(dataDir, "guardian") }
