/* Sizes of the bigram model that the test kernels compute: shared by kernels and plans. */
#ifndef GPTC_TEST_RUNTIME_EXECUTE_TESTSIZES_H
#define GPTC_TEST_RUNTIME_EXECUTE_TESTSIZES_H

enum {
  batchRows = 2,    /* B */
  sequenceSize = 4, /* T */
  positions = 8,    /* B T */
  vocabulary = 5,   /* V */
  tableStride = 8,  /* floats from row to row of the table: padded */
  logitsStride = 7  /* of the logits */
};

#endif
