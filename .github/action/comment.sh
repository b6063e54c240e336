#!/usr/bin/env bash
# Posts SUMMARY as a comment on the pull request NUMBER, or updates the comment that an earlier run with the same NAME posted. Without a
# pull request it does nothing. A pull request from a fork has no right to comment: that is a warning.
set -euo pipefail
[ "$COMMENT" = true ] && [ -n "$NUMBER" ] || exit 0

most=60000 # characters; GitHub refuses comments above 65,536
mark="<!-- sessbench: $NAME -->"
summary=$(<"$SUMMARY")
body="$mark
${summary:0:most}"
[ "${#summary}" -le "$most" ] || body+="

… The rest is in the summary of the job."

api() { # api METHOD PATH: the request's body is on stdin
	curl --silent --show-error --fail-with-body --request "$1" --header "Authorization: Bearer $TOKEN" \
		--header "Accept: application/vnd.github+json" --data-binary @- "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/$2"
}
post() {
	local page found id=""
	for ((page = 1; ; page++)); do
		found=$(api GET "issues/$NUMBER/comments?per_page=100&page=$page" </dev/null) || return
		id=$(jq --raw-output --arg mark "$mark" 'map(select(.body | startswith($mark))) | .[0].id // empty' <<<"$found")
		[ -z "$id" ] && [ "$(jq length <<<"$found")" -eq 100 ] || break
	done
	if [ -n "$id" ]; then
		jq --null-input --arg body "$body" '{body: $body}' | api PATCH "issues/comments/$id"
	else
		jq --null-input --arg body "$body" '{body: $body}' | api POST "issues/$NUMBER/comments"
	fi
}
answer=$(post 2>&1) || echo "::warning::sessbench: the comment was not posted: ${answer//$'\n'/ }"
