# Ends a throwaway server that outlives its welcome, and removes its directory.
#
#   sh watchdog.sh SERVER OWNER DIR SOCKETS
#
# SERVER and OWNER are process ids: the postmaster's, and that of the program which started it. DIR/expires holds the second at which all
# ends; DIR/kept exists when the server is to survive its owner. Both are read anew every second. When the server has ended while its owner
# lives, there is nothing to do: the owner knows.
server=$1 owner=$2 dir=$3 sockets=$4

gone() { ! kill -0 "$1" 2>/dev/null; }

while :; do
	sleep 1
	[ -d "$dir" ] || exit 0
	if gone "$owner" && [ ! -e "$dir/kept" ]; then break; fi
	if gone "$server"; then exit 0; fi
	expires=
	read -r expires <"$dir/expires" || exit 0
	[ "$(date +%s)" -lt "$expires" ] || break
done

kill -QUIT "$server" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8; do
	gone "$server" && break
	sleep 1
done
kill -KILL "$server" 2>/dev/null
rm -rf -- "$dir" "$sockets"
