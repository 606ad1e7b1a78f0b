#!/usr/bin/env bash
# A server for tests that speaks the AWS Glue API and checks signatures: moto.
#
#   tests/servers/moto.sh install ROOT        where the system has no moto: a Debian 13 below ROOT that has it
#   tests/servers/moto.sh start DIR PORT [ROOT]   prints what to put into the environment
#   tests/servers/moto.sh stop DIR
#
# Everything is in memory and gone at the stop; DIR holds the log and the process id. From the start on only
# requests that are signed with the printed keys are answered, and those may use Glue alone. install needs
# root, debootstrap and about 600 MB. start ends with 77 where there is no moto_server.
set -euo pipefail

die() {
  printf 'moto: %s\n' "$*" >&2
  exit 1
}

# The mirror that this machine's own packages come from.
mirror() {
  # shellcheck disable=SC2016  # apt's own placeholder
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "$@" 2>/dev/null | head -n 1
}

install_root() {
  local root=$1 site
  if [[ -x $root/usr/bin/moto_server ]]; then
    return
  fi
  if [[ $(id -u) -ne 0 ]] || ! command -v debootstrap >/dev/null; then
    echo "skipped: moto needs root and debootstrap to be installed below $root"
    exit 77
  fi
  site=$(mirror "Codename: $(. /etc/os-release && echo "$VERSION_CODENAME")")
  site=${site:-$(mirror)}
  rm -rf "$root"
  mkdir -p "$root"
  debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$site" >"$root.log" 2>&1 ||
    die "debootstrap failed; see $root.log"
  cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt" 2>/dev/null || true
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no service may start in there
  chmod +x "$root/usr/sbin/policy-rc.d"
  chroot "$root" sh -c 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
    --no-install-recommends python3-moto python3-flask python3-flask-cors python3-pyparsing' >>"$root.log" 2>&1 ||
    die "moto could not be installed; see $root.log"
  printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
}

# The first requests go unchecked: they make a user who may use Glue, and his keys.
make_user() {
  local url=$1 policy unsigned
  unsigned='AWS4-HMAC-SHA256 Credential=x/20200101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0'
  policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"glue:*","Resource":"*"}]}'
  iam() {
    curl -sf -H "Authorization: $unsigned" --data-urlencode Version=2010-05-08 "$@" "$url/"
  }
  curl -sf -o /dev/null -H 'Content-Type: text/plain' -d 3 "$url/moto-api/reset-auth"
  iam -o /dev/null -d Action=CreateUser -d UserName=tester
  iam -o /dev/null -d Action=PutUserPolicy -d UserName=tester -d PolicyName=glue --data-urlencode "PolicyDocument=$policy"
  iam -d Action=CreateAccessKey -d UserName=tester |
    grep -oE '<(AccessKeyId|SecretAccessKey)>[^<]+' |
    sed -e 's/<AccessKeyId>/AWS_ACCESS_KEY_ID=/' -e 's/<SecretAccessKey>/AWS_SECRET_ACCESS_KEY=/'
}

start() {
  local dir=$1 port=$2 root=${3:-} url tries
  local -a server=(moto_server)
  if ! command -v moto_server >/dev/null; then
    if [[ -z $root || ! -x $root/usr/bin/moto_server || $(id -u) -ne 0 ]]; then
      echo "skipped: there is no moto_server; tests/servers/moto.sh install gets one"
      exit 77
    fi
    server=(chroot "$root" /usr/bin/env PYTHONDONTWRITEBYTECODE=1 moto_server)
  fi
  mkdir -p "$dir"
  setsid "${server[@]}" -H 127.0.0.1 -p "$port" >"$dir/moto.log" 2>&1 </dev/null &
  echo $! >"$dir/moto.pid"
  url=http://127.0.0.1:$port
  for ((tries = 0; tries < 150; tries++)); do
    if curl -sf -o /dev/null "$url/moto-api/data.json"; then
      printf 'SEGUE_TEST_MOTO=%s\n' "$url"
      make_user "$url"
      return
    fi
    kill -0 "$(<"$dir/moto.pid")" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 5 "$dir/moto.log" >&2
  stop "$dir"
  die "the server did not start"
}

stop() {
  if [[ -s $1/moto.pid ]]; then
    kill "$(<"$1/moto.pid")" 2>/dev/null || true
    rm -f "$1/moto.pid"
  fi
}

case ${1:-} in
  install) install_root "${2:?a folder}" ;;
  start) start "${2:?a folder}" "${3:?a port}" "${4:-}" ;;
  stop) stop "${2:?a folder}" ;;
  *) die "usage: moto.sh install ROOT | start DIR PORT [ROOT] | stop DIR" ;;
esac
