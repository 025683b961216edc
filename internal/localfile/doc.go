// Package localfile has what a database file on the local disk needs beside its driver: a lock that
// ends with its process, and a refusal of directories on network drives, where such locks do not hold.
package localfile
