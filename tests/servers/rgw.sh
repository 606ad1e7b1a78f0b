#!/usr/bin/env bash
# A real S3 server for tests: Ceph's RADOS Gateway on this host, in memory, up in a second or two.
#
#   tests/servers/rgw.sh start DIR PORT     prints what to put into the environment
#   tests/servers/rgw.sh stop DIR
#
# One monitor (PORT+1), one object store in memory, one gateway: http at PORT, https at PORT+2 with a
# certificate of its own, DIR/ca.crt. All files lie below DIR, which must be empty or missing; the data is
# gone at the stop. Settings from the environment:
#   RGW_LIFECYCLE_DAY=N    a lifecycle "day" lasts N seconds
#   RGW_MAX_REQUESTS=N     answers 503 SlowDown above so many requests at once
# Ends with 77 where Ceph's packages are not installed (jobs/setup.sh test installs them) or not root.
set -euo pipefail

access_key=testaccess
secret_key=testsecret

skip() {
  echo "skipped: $*"
  exit 77
}

die() {
  echo "rgw: $*" >&2
  tail -qn 5 "$dir"/log/* >&2 2>/dev/null || true
  stop
  exit 1
}

pids() {
  local name
  for name in gateway store monitor; do
    if [[ -s $dir/$name.pid ]]; then
      cat "$dir/$name.pid"
    fi
  done
}

stop() {
  local pid left=() tries
  for pid in $(pids); do
    kill "$pid" 2>/dev/null || true
    left+=("$pid")
  done
  for ((tries = 0; tries < 20; tries++)); do
    if ! kill -0 "${left[@]}" 2>/dev/null; then
      break
    fi
    sleep 0.1
  done
  for pid in "${left[@]}"; do
    kill -9 "$pid" 2>/dev/null || true
  done
  rm -f "$dir"/*.pid
}

# Runs a server in the background, away from this terminal.
launch() {
  local name=$1
  shift
  setsid "$@" >"$dir/log/$name" 2>&1 </dev/null &
  echo $! >"$dir/$name.pid"
}

certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=segue-test \
    -addext "subjectAltName=IP:127.0.0.1,DNS:localhost" -keyout "$dir/ca.key" -out "$dir/ca.crt" \
    2>"$dir/log/openssl" || die "no certificate"
}

# Small, fast and unsafe: one copy, no authentication between the parts. The monitor would else wait up to
# a second before each change, and the gateway would insist on an encrypted session that auth "none" lacks.
write_config() {
  cat >"$dir/ceph.conf" <<END
[global]
fsid = $(</proc/sys/kernel/random/uuid)
mon host = v2:127.0.0.1:$((port + 1))
public addr = 127.0.0.1
ms bind ipv6 = false
ms bind msgr1 = false
auth cluster required = none
auth service required = none
auth client required = none
run dir = $dir
log file = $dir/log/\$name
admin socket = $dir/\$name.\$pid.asok
crash dir = $dir/log
keyring = $dir/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 2000
mon data avail warn = 1
mon data avail crit = 0
[mon]
mon data = $dir/mon
mon initial members = a
paxos propose interval = 0.02
paxos min wait = 0.01
[osd]
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = ${RGW_MEMORY:-8589934592}
osd class load list = *
osd class default list = *
osd max object name len = 460
osd max object namespace len = 64
[client.rgw]
rgw data = $dir/rgw
rgw frontends = beast endpoint=127.0.0.1:$port ssl_endpoint=127.0.0.1:$((port + 2)) ssl_certificate=$dir/ca.crt ssl_private_key=$dir/ca.key
rgw max concurrent requests = ${RGW_MAX_REQUESTS:-1024}
rgw lc debug interval = ${RGW_LIFECYCLE_DAY:--1}
ms mon client mode = crc secure
END
}

start() {
  local name tries conf=$dir/ceph.conf uuid
  for name in ceph-mon ceph-osd radosgw radosgw-admin ceph curl openssl; do
    command -v "$name" >/dev/null || skip "$name is not installed; jobs/setup.sh test installs it"
  done
  if [[ $(id -u) -ne 0 ]]; then
    skip "Ceph's servers want to be started by root"
  fi
  mkdir -p "$dir"/{log,mon,osd,rgw}
  : >"$dir/keyring"
  certificate
  write_config
  unset CEPH_ARGS

  monmaptool --create --fsid "$(sed -n 's/^fsid = //p' "$conf")" --addv a "[v2:127.0.0.1:$((port + 1))]" \
    "$dir/monmap" >"$dir/log/setup" 2>&1 || die "no monitor map"
  ceph-mon -c "$conf" --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring" >>"$dir/log/setup" 2>&1 ||
    die "no monitor"
  launch monitor ceph-mon -c "$conf" -f -i a
  timeout 60 ceph -c "$conf" mon stat >>"$dir/log/setup" 2>&1 || die "the monitor does not answer"

  uuid=$(</proc/sys/kernel/random/uuid)
  timeout 60 ceph -c "$conf" osd new "$uuid" >>"$dir/log/setup" 2>&1 || die "no object store"
  ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$uuid" >>"$dir/log/setup" 2>&1 || die "no object store"
  launch store ceph-osd -c "$conf" -f -i 0

  # Waits by itself until the object store is there.
  timeout 120 radosgw-admin -c "$conf" -n client.rgw user create --uid=test --display-name=test \
    --access-key="$access_key" --secret-key="$secret_key" >>"$dir/log/setup" 2>&1 || die "no user"
  launch gateway radosgw -c "$conf" -n client.rgw -f
  for ((tries = 0; tries < 600; tries++)); do
    if curl --noproxy '*' -s -o /dev/null "http://127.0.0.1:$port/"; then
      break
    fi
    kill -0 "$(<"$dir/gateway.pid")" 2>/dev/null || die "the gateway died"
    sleep 0.1
  done
  cat <<END
export AWS_ENDPOINT_URL=http://127.0.0.1:$port
export AWS_ACCESS_KEY_ID=$access_key AWS_SECRET_ACCESS_KEY=$secret_key AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
END
}

action=${1:-}
dir=$(realpath -m "${2:?a directory}")
case $action in
start)
  port=${3:?a port}
  start
  ;;
stop) stop ;;
*)
  echo "usage: rgw.sh start DIR PORT | stop DIR" >&2
  exit 2
  ;;
esac
