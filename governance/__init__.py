"""Who decides what: proposals, votes, voting weight, governed parameters, sign-in with a wallet."""
