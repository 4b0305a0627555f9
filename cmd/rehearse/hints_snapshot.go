package main

import "github.com/rehearse-db/rehearse/snapshot/archive"

func snapshotHint(err error) string {
	e := archiveError(err)
	if e == nil {
		return ""
	}
	switch e.Kind {
	case archive.Missing:
		return "rehearse snapshot list shows what there is; a name with a slash is a path, one without is in --snapshot-dir; --store-pull brings it from elsewhere"
	case archive.Exists:
		return "give it another name, or --replace it"
	case archive.Foreign:
		return "is it the right file? rehearse snapshot create makes snapshots"
	case archive.Torn, archive.Altered:
		return "fetch or make it again: nothing of it is used"
	case archive.Newer:
		return "use the version of rehearse that wrote it, or a later one"
	case archive.Locked:
		return "--identity FILE, REHEARSE_IDENTITY or REHEARSE_IDENTITY_FILE gives the age identity of one of the recipients"
	case archive.Full:
		return fullSnapshotHint(e.Archive)
	case archive.OtherMajor:
		return "--image, or --pg-bindir, names a server of the snapshot's major version"
	case archive.TooOld:
		return "make a new one, or allow more with --max-archive-age; where --store-pull is given the store was asked for a newer one"
	case archive.Store:
		return "the command is --store-push or --store-pull, or push: and pull: under store: in rehearse.yaml; a snapshot that could not be pushed stays where it is"
	case archive.Unreadable, archive.Unwritable:
	}
	return ""
}

// fullSnapshotHint says where room is lacking, which is not where snapshots are kept when one goes through a pipe.
func fullSnapshotHint(name string) string {
	switch {
	case name == standardOutput:
		return "make room where stdout leads; what is there of the snapshot is of no use"
	case name == archive.StandardInput:
		return "TMPDIR names a place with more room: a snapshot from stdin is kept there while it is read"
	}
	return "make room, or name a place with more: --snapshot PATH, or --snapshot-dir; nothing was left of it"
}
