#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 400
#
# Everything real-esp.sh does, with IKEv1: main mode, and quick mode for every new SA.
IKE=ikev1
# shellcheck source=test/net/real-esp.sh
. "$(dirname "$0")/real-esp.sh"
