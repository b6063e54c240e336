#!/usr/bin/env bash
# Fails the job if VERDICT is one of FAIL_ON, and warns of another one that is not pass.
set -euo pipefail
[ "$VERDICT" != pass ] || exit 0
case " $FAIL_ON " in
*" $VERDICT "*)
	echo "::error::sessbench: ${VERDICT//-/ }: see the summary of the job"
	exit 1
	;;
esac
echo "::warning::sessbench: ${VERDICT//-/ }: see the summary of the job"
