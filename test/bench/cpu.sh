#!/bin/sh
# cpu.sh PID [SERVER]: "at", the CPU time that a process has used (user + system), the time of day; both in ns. With the
# process id of a server, the time of all its processes that have ended is added; that one counts in steps of 10 ms.
read -r cpu _ < "/proc/$1/schedstat" || exit
if [ -n "${2:-}" ]; then
	# shellcheck disable=SC2046 # fields 16 and 17 of the line are the children's user and system time in ticks
	set -- $(cat "/proc/$2/stat")
	cpu=$((cpu + (${16} + ${17}) * (1000000000 / $(getconf CLK_TCK))))
fi
echo "at $cpu $(date +%s%N)"
