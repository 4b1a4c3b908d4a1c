#!/bin/bash
# From a fresh Debian or Ubuntu machine to a running game: see --help. Everything that it starts
# is recorded below the state folder, and only that is ever stopped.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C.UTF-8

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
STATE=$(realpath -m -- "${STADION_STATE:-/var/lib/stadion}")
readonly ROOT STATE
readonly LISTEN=${STADION_LISTEN:-127.0.0.1:8080}
readonly URL=http://$LISTEN
readonly OURS=$STATE/quickstart # pid files, logs, and what was built
readonly LOG=$OURS/stadion.log
readonly BINARY=$ROOT/.build/release/stadion
readonly APP_FILE=$ROOT/config/apps/docker-2048.json
readonly APP=docker-2048
readonly IMAGE=stadion/2048
readonly IMAGE_LABEL=org.stadion.content
readonly APP_WAIT_S=120
readonly STADION_WAIT_S=20
readonly ENGINE_WAIT_S=60
readonly BUILD_NEEDS_MB=300
readonly STATE_NEEDS_MB=50

# What the build and this script need; whatever else they use is essential in Debian.
readonly PACKAGES=(build-essential cmake ninja-build pkg-config libevent-dev libcurl4-openssl-dev
	libjson-c-dev libsqlite3-dev libpcre2-dev zlib1g-dev uthash-dev busybox-static curl jq iproute2)

usage()
{
	cat <<-END
	usage: packaging/quickstart.sh [--detach | --stop | --clean | --help]

	Builds Stadion, starts it together with a Docker Engine (if none answers), and runs the
	game 2048 on it. Run it again at any time: what is there already is left as it is.

	  (nothing)  stay in the foreground with the log; Ctrl-C stops Stadion, containers run on
	  --detach   return as soon as the game answers
	  --stop     stop Stadion; the containers and the engine run on
	  --clean    stop Stadion and remove its apps, its containers, the game's image and the
	             state folder; stop the Docker Engine if this script started it

	environment:
	  STADION_STATE   the folder with all state            (now $STATE)
	  STADION_LISTEN  address and port of the API          (now $LISTEN)
	  DOCKER_HOST     the engine's socket, unix:///PATH    (now ${DOCKER_HOST:-unix:///var/run/docker.sock})
	END
}

say()
{
	printf '%s\n' "$*"
}

# die WHAT REMEDY: one line, on which somebody can act.
die()
{
	printf 'quickstart: %s: %s\n' "$1" "$2" >&2
	exit 1
}

# Whatever was not foreseen is a line too.
set -E
trap 'die "line $LINENO failed: $BASH_COMMAND" "run it again by bash -x, and report it"' ERR

# until_true SECONDS COMMAND...: whether COMMAND came true within that time.
until_true()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.1
	done
}

# --- processes of ours: a pid alone may be somebody else's by now --------------------------------

# identity PID: the pid, when it was started, and in which boot.
identity()
{
	local stat

	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	# shellcheck disable=SC2086 # its words; what follows the name, which may hold blanks
	set -- "$1" ${stat##*) }
	[[ $2 != Z ]] || return 1
	printf '%s %s %s\n' "$1" "${21}" "$(cat /proc/sys/kernel/random/boot_id)"
}

# running NAME: prints the pid of our process of that name, if it is alive and the very one.
running()
{
	local recorded pid

	recorded=$(cat "$OURS/$1.pid" 2>/dev/null) || return 1
	pid=${recorded%% *}
	[[ $pid =~ ^[0-9]+$ && $(identity "$pid" || true) == "$recorded" ]] || return 1
	printf '%s\n' "$pid"
}

not_running()
{
	! running "$1" >/dev/null
}

# start_detached NAME COMMAND...: in a session of its own, so that Ctrl-C does not reach it.
start_detached()
{
	local name=$1 log=$OURS/$1.log

	shift
	if [[ -f $log && $(stat -c %s "$log") -gt 10485760 ]]; then
		mv -f "$log" "$log.1"
	fi
	setsid "$@" </dev/null >>"$log" 2>&1 9>&- &
	identity $! >"$OURS/$name.pid" || true
}

# stop_ours NAME SECONDS: SIGTERM and wait.
stop_ours()
{
	local pid

	pid=$(running "$1") || return 0
	kill "$pid" 2>/dev/null || true
	until_true "$2" not_running "$1" ||
		die "$1 (pid $pid) does not stop within $2 s" "see $OURS/$1.log, or end it by: kill -9 $pid"
	rm -f "$OURS/$1.pid"
}

# --- what must be true before anything is done ---------------------------------------------------

check_disk() # FOLDER MEGABYTES
{
	local folder=$1 free

	while [[ ! -d $folder ]]; do
		folder=$(dirname "$folder")
	done
	free=$(($(df --output=avail -k "$folder" | tail -n 1) / 1024))
	((free >= $2)) ||
		die "only $free MB are free for $1, $2 are needed" "make room, or set STADION_STATE to a folder with room"
}

check_machine()
{
	((EUID == 0)) ||
		die "it must run as root (it installs packages and runs a Docker Engine)" "sudo packaging/quickstart.sh $*"
	[[ $STATE == /*/* ]] ||
		die "STADION_STATE=$STATE is no place for state" "name a folder of its own, such as /var/lib/stadion"
	[[ $LISTEN =~ ^[0-9.]+:[0-9]+$ ]] ||
		die "STADION_LISTEN=$LISTEN is not ADDRESS:PORT" "write it like 127.0.0.1:8080"
	case ${DOCKER_HOST:-unix:///var/run/docker.sock} in
	unix:///*) SOCKET=${DOCKER_HOST:-unix:///var/run/docker.sock} SOCKET=${SOCKET#unix://} ;;
	*) die "DOCKER_HOST=$DOCKER_HOST is not a local socket" "unset DOCKER_HOST, or set it to unix:///PATH" ;;
	esac
	readonly SOCKET
}

# One run at a time; file descriptor 9 holds the lock until the script ends.
take_state()
{
	(umask 077 && mkdir -p "$OURS") 2>/dev/null ||
		die "$STATE cannot be written" "set STADION_STATE to a folder that can"
	exec 9>"$OURS/lock"
	flock -n 9 ||
		die "another quickstart.sh is at work on $STATE" "wait for it to end (in the foreground it ends with Ctrl-C)"
}

# --- packages -------------------------------------------------------------------------------------

missing_packages()
{
	local package

	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
			grep -qx installed || printf '%s\n' "$package"
	done
}

apt()
{
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 \
		"$@" >>"$OURS/apt.log" 2>&1 9>&-
}

apt_failed()
{
	local why

	why=$(grep -E '^(E|Err):' "$OURS/apt.log" | tail -n 1) || why="see $OURS/apt.log"
	die "apt-get cannot install ${*} ($why)" "check the network and /etc/apt/sources.list, then run this again"
}

install_packages()
{
	local missing

	command -v apt-get >/dev/null ||
		die "this machine has no apt-get" "use Debian 12, Ubuntu 24.04 or later, or build by hand as README.md says"
	mapfile -t missing < <(missing_packages "$@")
	((${#missing[@]})) || return 0
	say "Installing ${missing[*]}"
	: >"$OURS/apt.log"
	# The lists are fetched only if the ones at hand do not lead to the packages.
	if apt install -y --no-install-recommends "${missing[@]}"; then
		return 0
	fi
	apt update || apt_failed "${missing[@]}"
	apt install -y --no-install-recommends "${missing[@]}" || apt_failed "${missing[@]}"
}

# --- the program ----------------------------------------------------------------------------------

build()
{
	local log=$OURS/build.log have

	have=$(cmake --version | sed -n '1s/[^0-9]*//p')
	[[ $(printf '%s\n' 3.25 "$have" | sort -V | head -n 1) == 3.25 ]] ||
		die "cmake $have is too old, 3.25 is needed" "use Debian 12, Ubuntu 24.04 or later"
	check_disk "$ROOT" "$BUILD_NEEDS_MB"
	[[ -x $BINARY ]] || say "Building Stadion (log: $log)"
	if ! { cd "$ROOT" && cmake --preset release -DBUILD_TESTING=OFF -DSTADION_WERROR=OFF &&
		cmake --build --preset release; } >"$log" 2>&1 9>&-; then
		tail -n 20 "$log" >&2
		die "the build failed" "see $log"
	fi
}

# --- the engine -----------------------------------------------------------------------------------

# engine METHOD PATH [CURL-OPTION...]: prints the answer; fails on a status of 400 or more.
engine()
{
	local method=$1 path=$2

	shift 2
	curl -sS --fail-with-body --unix-socket "$SOCKET" -X "$method" "$@" "http://engine$path"
}

engine_answers()
{
	[[ $(engine GET /_ping -m 5 2>/dev/null) == OK ]]
}

engine_up_or_over() # true when it answers, and when the one that we started has ended
{
	engine_answers || { [[ -f $OURS/dockerd.pid ]] && not_running dockerd; }
}

engine_complaint() # the last words of a dockerd that did not start
{
	{ grep -Eo '(failed to start daemon|Error starting daemon|level=fatal msg=).*' "$OURS/dockerd.log" ||
		tail -n 1 "$OURS/dockerd.log"; } 2>/dev/null | tail -n 1
}

start_engine()
{
	[[ -z ${DOCKER_HOST:-} ]] ||
		die "no Docker Engine answers at DOCKER_HOST=$DOCKER_HOST" "start it, or unset DOCKER_HOST to let this script start one"
	command -v dockerd >/dev/null || install_packages docker.io
	if [[ -d /run/systemd/system ]]; then
		rm -f "$OURS/dockerd.pid"
		say "Starting the Docker Engine (systemctl start docker)"
		systemctl start docker >>"$OURS/dockerd.log" 2>&1 9>&- ||
			die "systemd cannot start Docker" "see: journalctl -u docker"
	elif ! engine_answers; then # its package may have started it just now, by an init script
		say "Starting the Docker Engine (log: $OURS/dockerd.log)"
		start_detached dockerd dockerd -H "unix://$SOCKET"
	fi
	until_true "$ENGINE_WAIT_S" engine_up_or_over || true
	engine_answers ||
		die "the Docker Engine does not start ($(engine_complaint))" "see $OURS/dockerd.log; in a container it needs --privileged"
}

check_engine()
{
	local answer

	if ! engine_answers; then
		start_engine
	fi
	answer=$(engine GET /version -m 10) ||
		die "the Docker Engine at $SOCKET refuses to work ($answer)" "see its log"
	say "Docker Engine $(jq -r '.Version' <<<"$answer") at $SOCKET"
}

# The same bytes for the same content, whatever the clock and the owner of the checkout.
image_context() # [TAR-OPTION...]
{
	tar -cf - --sort=name --owner=0 --group=0 --numeric-owner "$@" \
		-C "$ROOT/packaging/images/2048" Dockerfile www -C /bin busybox
}

build_image()
{
	local content have answer labels

	content=$(image_context --mtime=@0 | sha256sum | cut -d ' ' -f 1)
	have=$(engine GET "/images/$IMAGE/json" -m 10 2>/dev/null |
		jq -r --arg key "$IMAGE_LABEL" '.Config.Labels[$key] // ""') || have=
	[[ $have != "$content" ]] || return 0
	say "Building the image $IMAGE"
	labels=$(jq -rn --arg key "$IMAGE_LABEL" --arg content "$content" '{($key): $content} | @json | @uri')
	answer=$(image_context | engine POST "/build?t=$IMAGE:latest&rm=1&labels=$labels" -m 300 \
		-H 'Content-Type: application/x-tar' --data-binary @-) ||
		die "the Docker Engine refuses to build $IMAGE ($(jq -r '.message? // .error? // .' <<<"$answer" | tail -n 1))" "see its log"
	answer=$(jq -r 'select(.error) | .error' <<<"$answer")
	[[ -z $answer ]] ||
		die "the Docker Engine cannot build $IMAGE ($answer)" "see its log; a full disk is the usual cause"
}

# --- Stadion --------------------------------------------------------------------------------------

stadion_answers()
{
	curl -sf -m 5 -o /dev/null "$URL/ping"
}

stadion_up_or_over()
{
	stadion_answers || not_running stadion
}

stadion_complaint()
{
	{ grep -E '(^| )(error|warn) |^stadion [a-z]*: ' "$LOG" || cat "$LOG"; } 2>/dev/null | tail -n 1
}

port_taken()
{
	(exec 3<>"/dev/tcp/${LISTEN%:*}/${LISTEN##*:}") 2>/dev/null
}

check_port()
{
	local who

	port_taken || return 0
	who=$(ss -Hltnp "sport = :${LISTEN##*:}" 2>/dev/null |
		sed -n 's/.*(("\([^"]*\)",pid=\([0-9]*\).*/\1, pid \2/p' | head -n 1)
	die "$LISTEN is taken by somebody else (${who:-no process of this machine})" \
		"stop that, or run STADION_LISTEN=127.0.0.1:8081 packaging/quickstart.sh"
}

start_stadion()
{
	local pid

	if pid=$(running stadion); then
		if [[ $(readlink "/proc/$pid/exe") == "$BINARY" ]] && stadion_answers; then
			say "Stadion is running already (pid $pid)"
			return 0
		fi
		say "Restarting Stadion: it was built anew, or does not answer at $LISTEN"
		stop_ours stadion "$STADION_WAIT_S"
	fi
	check_port
	start_detached stadion "$BINARY" dev --state "$STATE" --listen "$LISTEN" --docker "unix://$SOCKET"
	until_true "$STADION_WAIT_S" stadion_up_or_over || true
	if not_running stadion; then
		die "Stadion did not start ($(stadion_complaint))" "see $LOG"
	fi
	stadion_answers || die "Stadion does not answer at $URL/ping" "see $LOG"
	say "Stadion is running (pid $(running stadion), log: $LOG)"
}

# api METHOD PATH [CURL-OPTION...]: body, then the status on a line of its own.
api()
{
	local method=$1 path=$2

	shift 2
	curl -sS -m 30 -X "$method" -w '\n%{http_code}' "$@" "$URL$path"
}

# The definition that is sent. An app that the user scaled is not scaled back; one at 0 is.
app_document()
{
	local instances

	instances=$(curl -sf -m 10 "$URL/v2/apps/$APP" | jq -r '.app.instances') || instances=0
	if ((instances > 0)); then
		jq 'del(.instances)' "$APP_FILE"
	else
		cat "$APP_FILE"
	fi
}

deploy()
{
	local answer status end=$((SECONDS + APP_WAIT_S))

	while true; do
		answer=$(app_document | api PUT "/v2/apps/$APP" -H 'Content-Type: application/json' --data-binary @-) ||
			die "Stadion does not take the app $APP" "see $LOG"
		status=${answer##*$'\n'} answer=${answer%$'\n'*}
		case $status in
		20?) return 0 ;;
		409) ((SECONDS < end)) || die "$APP is held by a deployment that does not end" "see $URL/v2/deployments" ;;
		*) die "Stadion refuses $APP with $status ($(jq -rc '.message' <<<"$answer" 2>/dev/null || echo "$answer"))" "see $LOG" ;;
		esac
		sleep 0.5
	done
}

# One line that says how the app stands; it begins with "up " and the task's host and port once it
# answers its checks.
app_progress()
{
	local answer

	answer=$(curl -sf -m 10 "$URL/v2/apps/$APP?embed=why") || {
		echo "no answer from $URL"
		return 0
	}
	jq -r '.app as $app
		| ($app.healthChecks // [] | length) as $checks
		| ($app.lastTaskFailure.message // "" | if . == "" then . else " (last failure: \(.))" end) as $failure
		| [$app.tasks[] | . + {good: (.state == "TASK_RUNNING" and
			(.healthCheckResults | length >= $checks and all(.alive)))}] as $tasks
		| if any($tasks[]; .good) then
			first($tasks[] | select(.good)) | "up \(.host) \(.ports[0])"
		  elif $tasks == [] then
			"waits: \($app.waitingFor // "" | if . == "" then "for a place" else . end)\($failure)"
		  else
			$tasks[-1]
			| if .state == "TASK_STAGING" then "its image is being fetched, or its container made\($failure)"
			  elif .state == "TASK_STARTING" then "its container is being started\($failure)"
			  elif .state != "TASK_RUNNING" then "its task is in state \(.state)\($failure)"
			  elif any(.healthCheckResults[]; .alive | not) then
				"runs, but fails its health check: \(first(.healthCheckResults[] | select(.alive | not)).lastFailureCause // "no reason given")"
			  else "runs; its first health check is to come" end
		  end' <<<"$answer"
}

# Prints progress as it changes; sets GAME to the address that answers with the game.
wait_for_game()
{
	local line last='' end=$((SECONDS + APP_WAIT_S)) host port address

	while true; do
		line=$(app_progress)
		if [[ $line == up\ * ]]; then
			read -r _ host port <<<"$line"
			# A host name is what constraints see; a browser here may not be able to resolve it.
			for address in "$host" 127.0.0.1; do
				if curl -sf -m 5 "http://$address:$port/" 2>/dev/null | grep -q '<title>2048</title>'; then
					GAME=http://$address:$port/
					return 0
				fi
			done
			line="is healthy, but http://$host:$port/ does not answer with the game"
		fi
		if [[ $line != "$last" ]]; then
			say "  $APP: $line"
			last=$line
		fi
		((SECONDS < end)) ||
			die "$APP is not up after $APP_WAIT_S s ($last)" "see $LOG; Stadion goes on trying"
		sleep 0.2
	done
}

# Remembered for --clean, which must find the containers also when Stadion is not there to ask.
record_host()
{
	local task

	task=$(curl -sf -m 10 "$URL/v2/apps/$APP/tasks" | jq -r '.tasks[0].id // ""') || return 0
	engine GET "/containers/$task/json" -m 10 2>/dev/null |
		jq -r '.Config.Labels["stadion.host"] // empty' >"$OURS/host.new" || return 0
	[[ ! -s $OURS/host.new ]] || mv "$OURS/host.new" "$OURS/host"
}

summary()
{
	say ""
	say "  The game   $GAME"
	if curl -sf -m 5 -o /dev/null "$URL/ui/"; then
		say "  UI         $URL/ui/"
	fi
	say "  API        $URL/v2/apps"
	say "  Log        $LOG"
	say "  Stop       packaging/quickstart.sh --stop    (containers run on)"
	say "  Remove     packaging/quickstart.sh --clean   (everything but installed packages)"
	say ""
}

# --- the four commands ------------------------------------------------------------------------------

bring_up()
{
	check_machine "$@"
	check_disk "$STATE" "$STATE_NEEDS_MB"
	take_state
	install_packages "${PACKAGES[@]}"
	build
	check_engine
	build_image
	start_stadion
	deploy
	wait_for_game
	record_host
	summary
}

stop_stadion()
{
	local pid

	if pid=$(running stadion); then
		stop_ours stadion "$STADION_WAIT_S"
		say "Stadion (pid $pid) is stopped. Its containers run on and are taken up again at the next start."
	else
		say "No Stadion of $STATE is running."
	fi
}

# The log with short times, until Stadion ends or Ctrl-C.
follow()
{
	local pid

	pid=$(running stadion) || die "Stadion has ended ($(stadion_complaint))" "see $LOG"
	trap 'trap "" INT TERM; echo; stop_stadion; exit 0' INT TERM
	say "Ctrl-C stops Stadion; the containers run on."
	flock -u 9
	tail --pid="$pid" -n 0 -F "$LOG" 2>/dev/null |
		sed -u 's/^[0-9-]*T\([0-9:]*\)[0-9.]*Z/\1/' &
	wait $! || true
	die "Stadion has ended ($(stadion_complaint))" "see $LOG; start it again by packaging/quickstart.sh"
}

delete_apps()
{
	local id

	for id in $(curl -sf -m 10 "$URL/v2/apps" | jq -r '.apps[].id'); do
		curl -sf -m 10 -o /dev/null -X DELETE "$URL/v2/apps/$id" || true
	done
}

apps_gone()
{
	[[ $(curl -sf -m 10 "$URL/v2/apps" | jq '.apps | length') == 0 ]]
}

remove_containers()
{
	local host ids id filter

	host=$(cat "$OURS/host" 2>/dev/null) || return 0
	engine_answers || die "the Docker Engine does not answer, its containers cannot be removed" "start it, then run --clean again"
	filter=$(jq -rn --arg word "stadion.host=$host" '{label: [$word]} | @json | @uri')
	ids=$(engine GET "/containers/json?all=1&filters=$filter" | jq -r '.[].Id')
	for id in $ids; do
		engine DELETE "/containers/$id?force=1&v=1" >/dev/null || true
	done
}

clean()
{
	check_machine --clean
	if [[ ! -d $OURS ]]; then
		say "Nothing to clean: $OURS does not exist."
		return 0
	fi
	take_state
	if stadion_answers && running stadion >/dev/null; then
		delete_apps
		until_true 30 apps_gone || say "Some apps did not end within 30 s; their containers are removed now."
	fi
	stop_ours stadion "$STADION_WAIT_S"
	remove_containers
	if engine_answers; then
		engine DELETE "/images/$IMAGE?force=1" >/dev/null 2>&1 || true
	fi
	if running dockerd >/dev/null; then
		say "Stopping the Docker Engine that this script started"
		stop_ours dockerd "$ENGINE_WAIT_S"
	fi
	find "$STATE" -xdev -mindepth 1 -delete
	rmdir "$STATE" 2>/dev/null || true # it may be a mount of its own
	say "Removed: apps, containers, the image $IMAGE and $STATE. Installed packages and $ROOT/.build stay."
}

main()
{
	case ${1:-} in
	'')
		bring_up
		follow
		;;
	--detach) bring_up --detach ;;
	--stop)
		check_machine --stop
		stop_stadion
		;;
	--clean) clean ;;
	-h | --help) usage ;;
	*) die "unknown option $1" "packaging/quickstart.sh --help" ;;
	esac
}

(($# <= 1)) || die "too many options" "packaging/quickstart.sh --help"
main "$@"
