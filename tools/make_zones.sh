#!/usr/bin/env bash
# Writes data/zones.txt anew from the time zone database of this machine: tools/make_zones.sh > data/zones.txt
# Nothing that is built needs this; it is here to say how the file came about.
set -eu
export LC_ALL=C
directory=${1:-/usr/share/zoneinfo}
version=$(sed -n '1s/^# version //p' "$directory/tzdata.zi")

cat <<END
# Time zones, as commands for the key-value machine: vlot run replicates them unless it is given something else.
#
#   zone/NAME     latitude and longitude of its principal place (ISO 6709), and its country (ISO 3166)
#   alias/NAME    the zone that this name stands for
#   country/CODE  its zones, in the order of the source
#
# Source: the IANA time zone database, version $version (zone.tab and tzdata.zi), which is in the public domain; and so is
# this file. tools/make_zones.sh has made it.
END
grep -v '^#' "$directory/zone.tab" | awk -F'\t' '{ print "set zone/" $3 " " $2 "," $1 }' | sort
awk '$1 == "L" { print "set alias/" $3 " " $2 }' "$directory/tzdata.zi" | sort
grep -v '^#' "$directory/zone.tab" |
  awk -F'\t' '{ zones[$1] = zones[$1] (zones[$1] == "" ? "" : ",") $3 }
              END { for (code in zones) print "set country/" code " " zones[code] }' | sort
