#!/bin/sh
# cpu.sh PID: "at", the CPU time that a process has used (user + system), the time of day; both in ns
read -r cpu _ < "/proc/$1/schedstat" && echo "at $cpu $(date +%s%N)"
