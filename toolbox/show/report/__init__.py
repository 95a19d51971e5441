"""The report: one page about one stimulus set and one network, which can be sent.

contents      which exhibits, in which order
subject       what all parts must know of set, network and labels
exhibits      a figure or table with its sentence, SQL and rows
sentences     what each shows, with the numbers of the study
cautionary    what must be known before
presentation  what was shown to which network
methods       text for a paper, with references
page          all of it as HTML, and its size
run           from a study to the file
"""
