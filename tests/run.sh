#!/bin/bash
# Everything that is checked about Stadion, from a fresh clone on a machine that was not prepared:
# needs root, a Debian mirror, and 25 minutes on two cores. Leaves installed packages and .build/
# behind, and nothing running. A test that cannot run is a failure.
#
# tests/run.sh [CTEST-OPTION...]    such as -L unit, or -R integration/healing
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C.UTF-8

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
readonly PACKAGES=(
	build-essential clang cmake ninja-build pkg-config                # compilers, for both builds
	libclang-rt-dev clang-format clang-tidy                           # fuzzing, form, static checks
	libevent-dev libcurl4-openssl-dev libjson-c-dev libsqlite3-dev libpcre2-dev zlib1g-dev uthash-dev
	check python3 python3-marathon                                    # unit, integration tests
	busybox-static docker.io docker-registry iptables                 # what they run
	curl jq iproute2 mount procps util-linux                          # and what they call
)
readonly JOBS=2
readonly ENGINE_WAIT_S=60
readonly PARTS=(src include tests)
readonly ENGINE_LEAVES=(/run/docker /run/containerd)

TEMP=
ENGINE_PID=
FAILED=()

say()
{
	printf '\n== %s (%d s so far)\n' "$*" "$SECONDS"
}

die()
{
	printf 'tests/run.sh: %s\n' "$*" >&2
	exit 1
}

# --- what is started here is ended here -----------------------------------------------------------

# What an engine leaves behind where there was none before.
remember_machine()
{
	local path

	iptables-save >"$TEMP/iptables"
	: >"$TEMP/absent"
	for path in "${ENGINE_LEAVES[@]}"; do
		[[ -e $path ]] || printf '%s\n' "$path" >>"$TEMP/absent"
	done
	if ip link show docker0 >/dev/null 2>&1; then
		: >"$TEMP/had-docker0"
	fi
}

restore_machine()
{
	local path table

	iptables-restore <"$TEMP/iptables" || true
	for table in filter nat; do # a table that nobody had used is not in what was saved
		if ! grep -q "^\*$table" "$TEMP/iptables"; then
			iptables -t "$table" -F || true
			iptables -t "$table" -X || true
		fi
	done
	grep -q '^:FORWARD' "$TEMP/iptables" || iptables -P FORWARD ACCEPT || true
	[[ -e $TEMP/had-docker0 ]] || ip link delete docker0 2>/dev/null || true
	while read -r path; do
		rm -rf --one-file-system -- "$path"
	done <"$TEMP/absent"
}

end_engine()
{
	local mount

	[[ -n $ENGINE_PID ]] || return 0
	kill "$ENGINE_PID" 2>/dev/null || true
	wait "$ENGINE_PID" 2>/dev/null || true
	while read -r _ mount _; do
		umount -l "$mount" || true
	done < <(grep -F " $TEMP/" /proc/mounts | tac)
	restore_machine
}

end()
{
	local status=$?

	trap '' INT TERM
	end_engine
	[[ -z $TEMP ]] || rm -rf --one-file-system -- "$TEMP"
	exit "$status"
}

# --- packages and engine --------------------------------------------------------------------------

install_packages()
{
	local package missing=()

	for package in "${PACKAGES[@]}"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
			missing+=("$package")
	done
	((${#missing[@]})) || return 0
	say "Installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	# The lists are fetched only if the ones at hand do not lead to the packages.
	if apt_install "${missing[@]}"; then
		return
	fi
	apt-get -qq update >>"$TEMP/apt.log" 2>&1 || true
	if ! apt_install "${missing[@]}"; then
		tail -n 20 "$TEMP/apt.log" >&2
		die "apt-get cannot install ${missing[*]}"
	fi
}

apt_install()
{
	apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@" \
		>>"$TEMP/apt.log" 2>&1
}

engine_answers()
{
	local socket=${DOCKER_HOST:-unix:///var/run/docker.sock}

	[[ $(curl -s -m 5 --unix-socket "${socket#unix://}" http://engine/_ping) == OK ]]
}

ensure_engine()
{
	local end

	if engine_answers; then
		say "Using the Docker Engine that answers at ${DOCKER_HOST:-/var/run/docker.sock}"
		return
	fi
	[[ -z ${DOCKER_HOST:-} ]] || die "no Docker Engine answers at DOCKER_HOST=$DOCKER_HOST"
	say "Starting a Docker Engine, where all that is tested looks for one"
	remember_machine
	dockerd -H unix:///var/run/docker.sock --data-root "$TEMP/data" --exec-root "$TEMP/exec" \
		--pidfile "$TEMP/dockerd.pid" >"$TEMP/dockerd.log" 2>&1 </dev/null &
	ENGINE_PID=$!
	end=$((SECONDS + ENGINE_WAIT_S))
	until engine_answers; do
		if ((SECONDS > end)) || ! kill -0 "$ENGINE_PID" 2>/dev/null; then
			tail -n 20 "$TEMP/dockerd.log" >&2
			die "the Docker Engine does not start"
		fi
		sleep 0.2
	done
}

# --- the checks -----------------------------------------------------------------------------------

sources()
{
	find "${PARTS[@]}" -name '*.[ch]' | sort
}

check_format()
{
	say "clang-format"
	sources | xargs clang-format --dry-run --Werror
}

build() # PRESET [TARGET...]
{
	local preset=$1

	shift
	say "Building with the preset $preset"
	cmake --preset "$preset" >"$TEMP/cmake.log" || { cat "$TEMP/cmake.log" >&2; return 1; }
	cmake --build --preset "$preset" -j "$JOBS" ${1:+--target "$@"} >"$TEMP/build.log" ||
		{ tail -n 60 "$TEMP/build.log" >&2; return 1; }
	tail -n 1 "$TEMP/build.log"
}

check_tidy()
{
	say "clang-tidy"
	if ! run-clang-tidy -quiet -p .build/clang -j "$JOBS" "^$ROOT/(src|tests)/" \
		>"$TEMP/tidy.log" 2>&1; then
		sed -i 's/\x1b\[[0-9;]*m//g' "$TEMP/tidy.log" # it colours into files too
		grep -E ' (warning|error): ' "$TEMP/tidy.log" | sort -u >&2 ||
			tail -n 40 "$TEMP/tidy.log" >&2
		return 1
	fi
}

run_fuzz()
{
	build fuzz fuzzers || return 1
	say "Fuzzing, 30 s for each target"
	ctest --test-dir .build/fuzz -L '^fuzz$' -j "$JOBS" --output-on-failure --no-tests=error
}

# check COMMAND...: a failure is remembered, and the rest is checked all the same.
check()
{
	"$@" || FAILED+=("$*")
}

main()
{
	((EUID == 0)) || die "it needs root: it installs packages, mounts, and runs a Docker Engine"
	cd "$ROOT"
	trap end EXIT
	trap 'exit 130' INT TERM
	TEMP=$(mktemp -d /var/tmp/stadion-tests.XXXXXX)
	install_packages
	ensure_engine
	build asan
	check check_format
	check build clang
	check build release # the optimiser sees what the others do not
	check check_tidy
	check run_fuzz
	say "Tests"
	check ctest --test-dir .build/asan -j "$JOBS" --output-on-failure --no-tests=error "$@"
	((${#FAILED[@]} == 0)) || die "failed: $(printf '%s; ' "${FAILED[@]}")"
}

main "$@"
