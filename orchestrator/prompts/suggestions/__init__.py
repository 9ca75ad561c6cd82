"""Questions that members suggest: passed on without a name, decided by people, and taken in as texts that nobody owns.

What is kept, and for how long
    Until it is decided: whose message it is and where it stands (table ``suggestion``), never what it says. With the decision
    the row goes: the person's id, their message, and that we ever spoke of it in their direct room (``journal.blur``). Only
    the text stays, if it was taken in (``member_prompt``), as its author was told and said yes to before. That somebody is
    still to be told, and what, waits in a timer for some hours; it names no suggestion. Nobody is counted: a person has at
    most three open suggestions, and that is told by those three rows.

    The text stands in a table and not in the overlay: a deck's file is shared by rooms and communities, a change of it says
    who made it and when, and it is printed to be copied elsewhere; a row can be thrown out, and is gone then.

Who can link a text to a person
    The person. Whoever runs the bot, until it is decided. A reviewer sees a text and a room, and no more: not who, not when.
    Words may give away who wrote them, and in a small room a guess is easy; both is said beforehand. The homeserver's admin
    sees that somebody wrote to the bot and when, as always, and what is said in rooms that are not encrypted.

What times and order tell
    A suggestion waits for a number of hours that is drawn by lot and then for the next round. There are two rounds a day, at
    hours that are the community's. In a round at most five are passed on, one of each person, in an order drawn by lot; all
    of them are read before the first is sent (``matrix/quoting``). Ids are drawn by lot: no cause, step or subject can be
    computed from a person's event. What a person is told of a decision waits by lot as well. What they take back after
    it was passed on can be taken up by nobody from that instant, and the copy goes with the next round, or at once if they
    prefer that.

What goes wrong
    - Killed between any two steps: each step is one transaction (asked, said yes, passed on, chosen, read, taken in), and what
      is on its way is told apart by its cause.
    - They redact it, or the server lost it: it is gone before it is passed on; afterwards as if they took it back. They edit
      it: the last words count until it is passed on, and are looked at as the first were.
    - They leave, or are removed: what was not passed on is forgotten; what was has nobody to be told from then on.
    - The control room is not there or was replaced: it waits, or is shown again there. Reviewers are silent: shown three times
      at most, a fortnight each, then let go.
    - They are in several rooms: they are asked which. It is long, links somewhere, names somebody: they hear so, and nothing is
      kept. It sounds like somebody who is not well: then that is answered, and nothing is passed on.
    - Two reviewers: the first decides; a heavy question needs a second one, and either can say no. Tapping twice counts once.
      A reviewer's own suggestion: their tap counts as anybody's, since all would see whose it is if it did not; they are asked
      beforehand to leave it to the others.
"""
