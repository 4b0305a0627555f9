package main

import (
	"testing"

	"github.com/rehearse-db/rehearse/rehearse"
)

func TestPreviewText(t *testing.T) {
	t.Parallel()
	p := &rehearse.MaskPreview{
		Columns: []rehearse.PreviewColumn{{Name: "id", Mask: "keep", Kept: true}, {Name: "e\x1bmail", Mask: "email"}},
		Rows: [][]rehearse.PreviewValue{
			{{Before: []byte("1"), After: []byte("1"), Same: true}, {Before: []byte("a\x1b[2J\xff@b"), After: []byte("x@y")}},
			{{Before: []byte("NULL"), After: []byte("NULL"), Same: true}, {Null: true, Same: true}},
		},
	}
	for width, want := range map[int]string{
		80: "id      e\\x1bmail\n" +
			"keep    email\n" +
			"1       a\\x1b[2J\\xff@b -> x@y\n" +
			"\"NULL\"  NULL -> NULL\n",
		30: "row 1\n  id         keep   1\n  e\\x1bmail  email  a\\x1b... -> x@y\n" +
			"row 2\n  id         keep   \"NULL\"\n  e\\x1bmail  email  NULL     -> NULL\n",
	} {
		if got := previewText(p, width, true); got != want {
			t.Errorf("width %d:\n%s\nwant\n%s", width, got, want)
		}
	}
}
