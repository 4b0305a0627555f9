// Package audit proves that a masked copy holds nothing that the masks were to take out.
//
// While rows go from the source into the copy, a [Collector] sees the values of masked columns before and after their masks and keeps a keyed
// fingerprint of those that tell somebody apart. When all have passed it is sealed into [Prints], and a [Scanner] reads every text of the
// copy and looks each run of words up in them. What nobody said is personal, it finds by its form: addresses, numbers with right check
// digits, secrets.
//
// No value is kept: the key of the fingerprints is random, never leaves the process and goes with it. A fingerprint is two independent
// keyed hashes, of 64 bits and of 46: a filter over the first says where to look, and only where both agree a value counts as found.
//
// A value is its words: runs of letters and digits, in small letters. So it is found whatever its case, whatever stands around it or
// between its words, in quotes, arrays, JSON or a sentence. Telephone numbers are found with or without country code, and names of people
// turned round or in two keys of a document, where a column, or a part of its documents and texts, is known to hold such (see [Holds]). Numbers
// that nobody can have are none (see [Watcher.Sparing]). What is not found: a value that was encoded, encrypted, compressed or cut; one
// word of several; a name of one word, unless a column is full of such (see [Column.Names]); a number below ten digits; a date.
package audit
