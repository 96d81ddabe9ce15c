"""HTTP requests to addresses that somebody else chose, without becoming a door into the internal network.

Everything that leaves for a tenant's URL goes through ``request``: it resolves the name once, checks every address,
connects to a checked address (so a second answer of the name server changes nothing), follows few redirects under the
same rules, and bounds time, size and decompression (S3, S4). Proxies, netrc and cookies are never used.

- ``policy``: what an operator may change
- ``destination``: a URL, parsed once and strictly
- ``addresses``: which addresses may be reached
- ``dialing``: resolving, connecting, and the stream with a deadline
- ``exchange``: one request and its response, bounded
- ``client``: redirects and errors around it
"""

from workflowkit.base.netguard.client import request as request
from workflowkit.base.netguard.exchange import GuardedResponse as GuardedResponse
from workflowkit.base.netguard.policy import NetworkPolicy as NetworkPolicy
