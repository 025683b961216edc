// Package crashrecord keeps one death as one file, durable before the next
// worker starts. The guardian writes it and forgets it; whoever carries it to
// the store reads it and removes it afterwards.
//
//	d := crashrecord.Directory{Path: state}
//	written, err := d.Write(record) // written.LeftOut says what the disk had no room for
//	listing, err := d.List()        // oldest first
//	record, damage, err := d.Read(listing.Records[0])
//	err = d.Remove(record.ID)
//
// # The file
//
// A header (magic, version, checksum), then sections: kind, length, checksum of
// the content and checksum of these three, in 16 bytes, then the content. All
// checksums are CRC32C. What must survive stands first, so that whatever cuts
// the file takes the least valuable part:
//
//	metadata · first block · stderr tail · messages, one section each · dump · end
//
// Metadata is JSON, and its texts are exact for all bytes (see [Text]). All else
// is bytes with lengths; nothing in it is interpreted, NUL and bad UTF-8 pass
// through.
//
// # Writing
//
// A record appears under its name whole or not at all: it is written to a
// temporary name in the same directory, mode 0600, synced, renamed, and the
// directory synced. Killed at any instant, it leaves at most a temporary file,
// which [Directory.Trim] removes.
//
//	what fails                          what happens
//	no space, quota, file size limit,   again without the dump; again without copies of payloads;
//	or read-only                        then the error. LeftOut tells what was left out
//	anything else (an I/O error)        the error; nothing stands under the name
//	syncing the directory, at the end   the error; the whole record stands, but may not survive a power loss
//
// # Reading
//
// The writer is trusted, the disk is not. Every length is held against what is
// there, and nothing is returned whose checksum does not fit.
//
//	metadata damaged, or missing        ErrDamaged: without it nobody can be blamed
//	another section damaged             it is left out and named in Damage
//	the end is missing                  what stands before is returned, and Damage says that it was cut
//	a version that this build knows not ErrVersion; the file is left alone
//
// # Room
//
// [Directory.Trim] keeps the directory within its bounds. First the oldest
// dumps go, then the oldest messages, each by cutting the file, which needs no
// space; then the oldest records.
//
// One process at a time may write to and trim a directory; any number may list,
// read and remove meanwhile. Directory values hold no state and are safe for
// concurrent use in so far.
package crashrecord
