package snapshot

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// grantStatements gives privileges on an object, called "DATABASE x" or "LARGE OBJECT 7".
func grantStatements(on string, grants []catalog.Grant) string {
	var b strings.Builder
	for _, g := range grants {
		to, option := "PUBLIC", ""
		if g.Grantee != "" {
			to = ident(g.Grantee)
		}
		if g.Grantable {
			option = " WITH GRANT OPTION"
		}
		fmt.Fprintf(&b, "GRANT %s ON %s TO %s%s;\n", g.Privilege, on, to, option)
	}
	return b.String()
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }
