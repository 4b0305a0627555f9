# The first process of a staging container: runs the server, runs it again when told to, and ends it all in time.
#
# /rehearse belongs to root, so what runs in the server cannot write there. In it:
#   postgresql.conf   the configuration of the next start
#   expires           the second at which the container ends; read anew every time
#   down              made here when the server has ended: its exit status
#   again             made from outside to have the server started again
#
# A server that ended leaves the container up until it expires: so that its log can be read and its settings mended, and because what is
# done between two starts, such as bringing all that was loaded to the disk, may take long.
dir=/rehearse
ending=
trap 'ending=1; kill -INT "$server" 2>/dev/null' INT TERM QUIT

serve() {
	rm -f "$dir/again" "$dir/down"
	echo "rehearse: starting the server"
	docker-entrypoint.sh postgres -c "config_file=$dir/postgresql.conf" &
	server=$!
}

# The engine empties a file before it writes it anew: until there is a whole line again, the last one counts.
expires=0
expired() {
	if read -r line <"$dir/expires"; then expires=$line; fi 2>/dev/null
	[ "$(date +%s)" -ge "$expires" ]
}

serve
while :; do
	sleep 0.2 &
	wait $!
	if [ -z "$ending" ] && expired; then
		ending=1
		kill -INT "$server" 2>/dev/null
	fi
	if [ -e "$dir/down" ]; then
		if [ -n "$ending" ]; then exit 0; fi
		if [ -e "$dir/again" ]; then
			serve
			continue
		fi
	elif ! kill -0 "$server" 2>/dev/null; then
		wait "$server"
		echo $? >"$dir/down.new" && mv "$dir/down.new" "$dir/down"
	fi
done
