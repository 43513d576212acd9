#!/bin/sh
# Prints the Markdown of a "Deploy to Koyeb" button for your copy of this repository:
#
#     sh deploy/koyeb/button.sh github.com/you/piecesd [branch]
#
# Koyeb reads all it needs from the button's address: docs/deploy/one-click.md.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: button.sh github.com/OWNER/NAME [BRANCH]" >&2
    exit 64
fi
repository=${1#https://}
branch=${2:-main}
case $repository$branch in
*[!A-Za-z0-9./_-]*)
    echo "button.sh: '$1' and '$branch' have to be a repository and a branch" >&2
    exit 64
    ;;
esac

address="https://app.koyeb.com/deploy?type=git"
address="$address&repository=${repository%.git}&branch=$branch&name=piecesd"
address="$address&builder=dockerfile&dockerfile=Dockerfile"
address="$address&ports=8787;http;/"
address="$address&hc_protocol[8787]=http&hc_path[8787]=/ping&hc_grace_period[8787]=20"
address="$address&env[API_KEY]="
button=https://www.koyeb.com/static/images/deploy/button.svg
printf '[![Deploy to Koyeb](%s)](%s)\n' "$button" "$address"
