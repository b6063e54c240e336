#!/bin/sh
# PHP's own web server with eight processes, and chat.php:
#
#     sh serve.sh PORT files                # PHP's default: sessions in files, each locked during a request
#     sh serve.sh PORT redis                # phpredis, which does not lock by default, and a Redis server of its own
#     sh serve.sh PORT redis-locked         # with redis.session.locking_enabled; a request waits for the lock as long as it takes
#
# All processes end with this process's group.
set -eu
dir=$(mktemp -d)
trap 'kill $redis $php; rm -rf "$dir"' TERM INT EXIT
redis='' locking=0 handler=redis path="unix://$dir/redis"
case $2 in
redis) ;;
redis-locked) locking=1 ;;
files) handler=files path=$dir ;;
*) echo "$2: want files, redis or redis-locked" >&2; exit 2 ;;
esac
if [ $handler = redis ]; then
	redis-server --port 0 --unixsocket "$dir/redis" --save '' --dir "$dir" >/dev/null &
	redis=$!
	until [ -S "$dir/redis" ]; do sleep 0.1; done
fi
PHP_CLI_SERVER_WORKERS=8 php -q -d session.save_handler=$handler -d "session.save_path=$path" -d redis.session.locking_enabled=$locking \
	-d redis.session.lock_retries=-1 -d redis.session.lock_wait_time=2000 -S "127.0.0.1:$1" chat.php 2>/dev/null &
php=$!
wait $php
