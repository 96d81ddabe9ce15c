"""Inngest's wire protocol: apps written with its SDKs run here unchanged.

A thin translation onto the engine. A function of an app is a workflow of one action, like a code function, and the
handler of that action calls the app:

- ``registration``: what an app registers, as documents; ``addresses``: where its functions are
- ``conversation``: one attempt of a function; ``calls``, ``operations``, ``gateways``, ``defers``: what it consists of;
  ``replies``, ``memos``, ``events``, ``durations``: what is said in it
- ``client``, ``signing``, ``canonical``: the calls themselves
- ``naming``: the ids of apps, functions and steps
- ``server``, ``state``, ``commands``, ``traces``: what apps and their clients ask for and change; ``web``, ``rest``,
  ``restv2``, ``devqueries``, ``graphql``: how they ask
- ``syncing``, ``watching``: apps that are asked for their functions
- ``serving``: the other side, for functions of ours on another server
"""
