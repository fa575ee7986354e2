#!/usr/bin/env bash
# Apache's httpd, a process for each connection.
# packages: apache2-bin apache2-utils curl
# shellcheck source=tests/programs/apache-event.sh
mpm=prefork
. "${0%/*}/apache-event.sh"
