"""What an approved proposal can carry out: a file for each that comes with the app, and their list.

An action is a callable ``(order) -> words`` that ``PIPELINES_APP["ACTIONS"]`` names. It raises
``Impossible`` where trying again is useless; after anything else it is tried again, under the same
``order.key``. Seven attributes of it are optional:

- ``check(params)``: BadInput for parameters it cannot work with; asked when a threshold is saved
  and when a proposal is opened.
- ``check_for(params, rule)``: BadInput for parameters that it cannot work with where this rule, a thing
  of the project's that is about to be saved, proposes it; asked besides ``check``.
- ``freeze(params, evidence)``: the parameters with what they mean at that moment; asked when a
  proposal is opened. Without it they are frozen as they are.
- ``thaw(params)``: what was asked for, of what ``freeze`` made; without it they are taken as they are.
- ``check_again(order)``: BadInput where another attempt cannot succeed, asked before a person is
  offered one; without it ``check`` is, with what was asked for.
- ``names(params)``: what it touches, as entries that name evidence; a program that asks for it must be
  allowed to see that.
- ``describe(params)``: what it will do, in words that follow "Approving": ``mails ada@example.org``.
"""
