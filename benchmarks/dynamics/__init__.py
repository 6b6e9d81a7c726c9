"""How fast the layers reach the exact sparse code: the same problem for every rule, LARS and FISTA beside them."""
